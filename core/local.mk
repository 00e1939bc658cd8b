# The agent. All rooms but main.c and cli/ are one archive, so that unit tests link what they test.
CORE_CPPFLAGS = -D_GNU_SOURCE -I$(top_srcdir)/core $(SDK_CPPFLAGS) $(CORE_CFLAGS) \
	-DPACKAGE_VERSION='"$(PACKAGE_VERSION)"' -DBELFRY_CONF_DIR='"$(confdir)"' -DBELFRY_VENDOR_DIR='"$(vendorconfdir)"' -DBELFRY_PLUGIN_DIR='"$(plugindir)"' \
	-DBELFRY_STATE_DIR='"$(localstatedir)/lib/belfry"' -DBELFRY_RUN_DIR='"/run/belfry"'
AM_CFLAGS = -std=gnu17 $(WARN_CFLAGS) $(HARDEN_CFLAGS)
AM_LDFLAGS = $(HARDEN_LDFLAGS)

noinst_LIBRARIES = libbelfry.a
libbelfry_a_CPPFLAGS = $(CORE_CPPFLAGS)
libbelfry_a_CFLAGS = $(AM_CFLAGS) $(PIE_CFLAGS) -pthread
libbelfry_a_SOURCES =
CORE_ALL_LIBS = libbelfry.a $(CORE_LIBS) $(LTDL_LIBS) -lpthread -lm

bin_PROGRAMS = belfry
belfry_SOURCES = core/main.c
belfry_CPPFLAGS = $(CORE_CPPFLAGS)
belfry_CFLAGS = $(AM_CFLAGS) $(PIE_CFLAGS) -pthread
belfry_LDFLAGS = $(AM_LDFLAGS) $(PIE_LDFLAGS) -pthread
belfry_LDADD = $(CORE_ALL_LIBS)

include core/base/local.mk
include core/store/local.mk
include core/schedule/local.mk
include core/expr/local.mk
include core/config/local.mk
include core/plugin/local.mk
include core/jobs/local.mk
include core/engine/local.mk
include core/notify/local.mk
include core/http/local.mk
include core/agent/local.mk
include core/cli/local.mk
