UNIT_TESTS += \
	tests/unit/schedule/test_cron \
	tests/unit/schedule/test_oracle \
	tests/unit/schedule/test_refusals \
	tests/unit/schedule/test_tzif \
	tests/unit/schedule/test_zones
EXTRA_DIST += tests/unit/schedule/vectors.h
