# The plugins that these tests load.
include tests/plugins/modules.mk

PLUGIN_KIT = tests/unit/plugin/kit.c tests/unit/plugin/kit.h tests/unit/plugin/peer.c

UNIT_TESTS += tests/unit/plugin/test_channel
tests_unit_plugin_test_channel_SOURCES = tests/unit/plugin/test_channel.c $(PLUGIN_KIT)
UNIT_TESTS += tests/unit/plugin/test_crash
tests_unit_plugin_test_crash_SOURCES = tests/unit/plugin/test_crash.c $(PLUGIN_KIT)
UNIT_TESTS += tests/unit/plugin/test_http
tests_unit_plugin_test_http_SOURCES = tests/unit/plugin/test_http.c $(PLUGIN_KIT)
UNIT_TESTS += tests/unit/plugin/test_loader
tests_unit_plugin_test_loader_SOURCES = tests/unit/plugin/test_loader.c $(PLUGIN_KIT)
UNIT_TESTS += tests/unit/plugin/test_smtp
tests_unit_plugin_test_smtp_SOURCES = tests/unit/plugin/test_smtp.c $(PLUGIN_KIT)
UNIT_TESTS += tests/unit/plugin/test_source
tests_unit_plugin_test_source_SOURCES = tests/unit/plugin/test_source.c $(PLUGIN_KIT)
