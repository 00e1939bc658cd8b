EXTRA_DIST += plugins/smtp/example.yaml
if BUILD_SMTP
pkgplugin_LTLIBRARIES += plugins/smtp.la
plugins_smtp_la_SOURCES = plugins/smtp/smtp.c plugins/smtp/message.c plugins/smtp/message.h
plugins_smtp_la_CPPFLAGS = -D_GNU_SOURCE -DPACKAGE_VERSION='"$(PACKAGE_VERSION)"' $(SDK_CPPFLAGS)
plugins_smtp_la_CFLAGS = $(PLUGIN_CFLAGS)
plugins_smtp_la_LDFLAGS = $(PLUGIN_LDFLAGS)
endif
