# Tests of plugins: each is linked with its plugin and a host in memory, and with nothing of the core.
EXTRA_DIST += tests/plugins/mock_host.h
PLUGIN_TEST_CPPFLAGS = -D_GNU_SOURCE -DPACKAGE_VERSION='"$(PACKAGE_VERSION)"' $(SDK_CPPFLAGS) $(CMOCKA_CFLAGS)

UNIT_TESTS += plugins/smtp/test_smtp
plugins_smtp_test_smtp_SOURCES = plugins/smtp/test_smtp.c plugins/smtp/smtp.c plugins/smtp/message.c tests/plugins/mock_host.c
plugins_smtp_test_smtp_CPPFLAGS = $(PLUGIN_TEST_CPPFLAGS)
plugins_smtp_test_smtp_LDADD = $(CMOCKA_LIBS)

UNIT_TESTS += plugins/webhook/test_webhook
plugins_webhook_test_webhook_SOURCES = plugins/webhook/test_webhook.c plugins/webhook/webhook.c plugins/webhook/json.c \
	tests/plugins/mock_host.c
plugins_webhook_test_webhook_CPPFLAGS = $(PLUGIN_TEST_CPPFLAGS)
plugins_webhook_test_webhook_LDADD = $(CMOCKA_LIBS)

UNIT_TESTS += plugins/heartbeat/test_heartbeat
plugins_heartbeat_test_heartbeat_SOURCES = plugins/heartbeat/test_heartbeat.c plugins/heartbeat/heartbeat.c \
	plugins/heartbeat/report.c tests/plugins/mock_host.c
plugins_heartbeat_test_heartbeat_CPPFLAGS = $(PLUGIN_TEST_CPPFLAGS)
plugins_heartbeat_test_heartbeat_LDADD = $(CMOCKA_LIBS)
