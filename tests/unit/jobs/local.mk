UNIT_TESTS += tests/unit/jobs/test_jobs
tests_unit_jobs_test_jobs_SOURCES = tests/unit/jobs/test_jobs.c tests/unit/fake_store.c tests/unit/fake_store.h
