UNIT_TESTS += \
	tests/unit/base/test_json \
	tests/unit/base/test_loop \
	tests/unit/base/test_text \
	tests/unit/base/test_time
