UNIT_TESTS += tests/unit/notify/test_notify
tests_unit_notify_test_notify_SOURCES = tests/unit/notify/test_notify.c tests/unit/fake_store.c tests/unit/fake_store.h
