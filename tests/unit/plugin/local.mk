UNIT_TESTS += tests/unit/plugin/test_http
tests_unit_plugin_test_http_SOURCES = tests/unit/plugin/test_http.c $(PLUGIN_KIT)
PLUGIN_KIT = tests/unit/plugin/kit.c tests/unit/plugin/kit.h tests/unit/plugin/peer.c
