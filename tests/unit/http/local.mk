UNIT_TESTS += tests/unit/http/test_events tests/unit/http/test_surfaces tests/unit/http/test_ping tests/unit/http/test_metrics
EXTRA_DIST += tests/unit/http/fakes.h
UNIT_TESTS += tests/unit/http/test_gate tests/unit/http/test_gate_server
EXTRA_DIST += tests/unit/http/gate_rows.h
tests_unit_http_test_gate_server_SOURCES = tests/unit/http/test_gate_server.c \
	tests/unit/http/server_fixture.c tests/unit/http/server_fixture.h
