UNIT_TESTS += tests/unit/engine/test_engine
tests_unit_engine_test_engine_SOURCES = tests/unit/engine/test_engine.c tests/unit/fake_store.c tests/unit/fake_store.h
