UNIT_TESTS += tests/unit/http/test_events tests/unit/http/test_surfaces tests/unit/http/test_ping tests/unit/http/test_metrics
EXTRA_DIST += tests/unit/http/fakes.h
