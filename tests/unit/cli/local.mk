UNIT_TESTS += \
	tests/unit/cli/test_child \
	tests/unit/cli/test_options \
	tests/unit/cli/test_report \
	tests/unit/cli/test_show \
	tests/unit/cli/test_table \
	tests/unit/cli/test_tail
tests_unit_cli_test_child_SOURCES = tests/unit/cli/test_child.c core/cli/child.c core/cli/tail.c
tests_unit_cli_test_options_SOURCES = tests/unit/cli/test_options.c core/cli/options.c
tests_unit_cli_test_report_SOURCES = tests/unit/cli/test_report.c core/cli/cli.c core/cli/client.c core/cli/report.c
tests_unit_cli_test_show_SOURCES = tests/unit/cli/test_show.c core/cli/show.c
tests_unit_cli_test_table_SOURCES = tests/unit/cli/test_table.c core/cli/table.c
tests_unit_cli_test_tail_SOURCES = tests/unit/cli/test_tail.c core/cli/tail.c
