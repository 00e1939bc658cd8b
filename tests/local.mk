# Unit tests: one cmocka program per file, linked with the whole core, named tests/unit/ROOM/test_WHAT.
AM_CPPFLAGS = $(CORE_CPPFLAGS) $(CMOCKA_CFLAGS) -DTEST_SRCDIR='"$(abs_top_srcdir)"' -DTEST_BUILDDIR='"$(abs_top_builddir)"'
LDADD = $(CORE_ALL_LIBS) $(CMOCKA_LIBS)
UNIT_TESTS =

include tests/unit/base/local.mk
include tests/unit/store/local.mk
include tests/unit/schedule/local.mk
include tests/unit/expr/local.mk
include tests/unit/config/local.mk
include tests/unit/plugin/local.mk
include tests/unit/jobs/local.mk
include tests/unit/engine/local.mk
include tests/unit/notify/local.mk
include tests/unit/http/local.mk
include tests/unit/cli/local.mk
include tests/plugins/local.mk

if HAVE_CMOCKA
check_PROGRAMS += $(UNIT_TESTS)
TESTS += $(UNIT_TESTS)
endif
