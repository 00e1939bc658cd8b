if BUILD_WEBHOOK
pkgplugin_LTLIBRARIES += plugins/webhook.la
plugins_webhook_la_SOURCES = plugins/webhook/webhook.c
plugins_webhook_la_CPPFLAGS = -D_GNU_SOURCE $(SDK_CPPFLAGS)
plugins_webhook_la_CFLAGS = $(PLUGIN_CFLAGS)
plugins_webhook_la_LDFLAGS = $(PLUGIN_LDFLAGS)
endif
