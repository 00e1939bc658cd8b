UNIT_TESTS += \
	tests/unit/store/test_damage \
	tests/unit/store/test_faults \
	tests/unit/store/test_history \
	tests/unit/store/test_power \
	tests/unit/store/test_store
EXTRA_DIST += tests/unit/store/fixture.h tests/unit/store/faulty_vfs.h
