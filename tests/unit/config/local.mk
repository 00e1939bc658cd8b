UNIT_TESTS += \
	tests/unit/config/test_bind \
	tests/unit/config/test_files \
	tests/unit/config/test_load \
	tests/unit/config/test_mistakes \
	tests/unit/config/test_show
tests_unit_config_test_bind_SOURCES = tests/unit/config/test_bind.c tests/unit/config/help.h
tests_unit_config_test_files_SOURCES = tests/unit/config/test_files.c tests/unit/config/help.h
tests_unit_config_test_load_SOURCES = tests/unit/config/test_load.c tests/unit/config/help.h
tests_unit_config_test_mistakes_SOURCES = tests/unit/config/test_mistakes.c tests/unit/config/help.h
tests_unit_config_test_show_SOURCES = tests/unit/config/test_show.c tests/unit/config/help.h
