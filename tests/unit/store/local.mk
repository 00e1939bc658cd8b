UNIT_TESTS += \
	tests/unit/store/test_store
EXTRA_DIST += tests/unit/store/fixture.h
