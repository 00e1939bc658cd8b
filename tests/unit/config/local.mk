UNIT_TESTS += tests/unit/config/test_load
tests_unit_config_test_load_SOURCES = tests/unit/config/test_load.c tests/unit/config/help.h
