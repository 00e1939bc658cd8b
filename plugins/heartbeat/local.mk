if BUILD_HEARTBEAT
pkgplugin_LTLIBRARIES += plugins/heartbeat.la
plugins_heartbeat_la_SOURCES = plugins/heartbeat/heartbeat.c
plugins_heartbeat_la_CPPFLAGS = -D_GNU_SOURCE $(SDK_CPPFLAGS)
plugins_heartbeat_la_CFLAGS = $(PLUGIN_CFLAGS)
plugins_heartbeat_la_LDFLAGS = $(PLUGIN_LDFLAGS)
endif
