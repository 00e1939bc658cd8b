EXTRA_DIST += plugins/webhook/example.yaml
if BUILD_WEBHOOK
pkgplugin_LTLIBRARIES += plugins/webhook.la
plugins_webhook_la_SOURCES = plugins/webhook/webhook.c plugins/webhook/json.c plugins/webhook/json.h
plugins_webhook_la_CPPFLAGS = -D_GNU_SOURCE -DPACKAGE_VERSION='"$(PACKAGE_VERSION)"' $(SDK_CPPFLAGS)
plugins_webhook_la_CFLAGS = $(PLUGIN_CFLAGS)
plugins_webhook_la_LDFLAGS = $(PLUGIN_LDFLAGS)
endif
