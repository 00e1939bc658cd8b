UNIT_TESTS += tests/unit/http/test_events tests/unit/http/test_surfaces tests/unit/http/test_ping tests/unit/http/test_metrics
EXTRA_DIST += tests/unit/http/fakes.h
UNIT_TESTS += tests/unit/http/test_gate tests/unit/http/test_gate_server tests/unit/http/test_libevent tests/unit/http/test_server \
	tests/unit/http/test_access tests/unit/http/test_limits tests/unit/http/test_listen
EXTRA_DIST += tests/unit/http/gate_rows.h
http_fixture = tests/unit/http/server_fixture.c tests/unit/http/server_fixture.h
tests_unit_http_test_gate_server_SOURCES = tests/unit/http/test_gate_server.c $(http_fixture)
tests_unit_http_test_server_SOURCES = tests/unit/http/test_server.c $(http_fixture)
tests_unit_http_test_access_SOURCES = tests/unit/http/test_access.c $(http_fixture)
tests_unit_http_test_limits_SOURCES = tests/unit/http/test_limits.c $(http_fixture)
tests_unit_http_test_listen_SOURCES = tests/unit/http/test_listen.c $(http_fixture)
