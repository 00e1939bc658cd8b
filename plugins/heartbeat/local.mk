EXTRA_DIST += plugins/heartbeat/example.yaml
if BUILD_HEARTBEAT
pkgplugin_LTLIBRARIES += plugins/heartbeat.la
plugins_heartbeat_la_SOURCES = plugins/heartbeat/heartbeat.c plugins/heartbeat/report.c plugins/heartbeat/report.h
plugins_heartbeat_la_CPPFLAGS = -D_GNU_SOURCE -DPACKAGE_VERSION='"$(PACKAGE_VERSION)"' $(SDK_CPPFLAGS)
plugins_heartbeat_la_CFLAGS = $(PLUGIN_CFLAGS)
plugins_heartbeat_la_LDFLAGS = $(PLUGIN_LDFLAGS)
endif
