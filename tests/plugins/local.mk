# Tests of plugins: each is linked with its plugin and a host in memory, and with nothing of the core.
PLUGIN_TEST_CPPFLAGS = -D_GNU_SOURCE -DPACKAGE_VERSION='"$(PACKAGE_VERSION)"' $(SDK_CPPFLAGS) $(CMOCKA_CFLAGS)
MOCK_HOST = tests/plugins/mock_host.c tests/plugins/mock_host.h tests/plugins/mock_options.c

UNIT_TESTS += plugins/smtp/test_smtp
plugins_smtp_test_smtp_SOURCES = plugins/smtp/test_smtp.c plugins/smtp/smtp.c plugins/smtp/message.c $(MOCK_HOST)
plugins_smtp_test_smtp_CPPFLAGS = $(PLUGIN_TEST_CPPFLAGS)
plugins_smtp_test_smtp_LDADD = $(CMOCKA_LIBS)

UNIT_TESTS += plugins/webhook/test_webhook
plugins_webhook_test_webhook_SOURCES = plugins/webhook/test_webhook.c plugins/webhook/webhook.c plugins/webhook/json.c $(MOCK_HOST)
plugins_webhook_test_webhook_CPPFLAGS = $(PLUGIN_TEST_CPPFLAGS)
plugins_webhook_test_webhook_LDADD = $(CMOCKA_LIBS)

UNIT_TESTS += plugins/heartbeat/test_heartbeat plugins/heartbeat/test_report
plugins_heartbeat_test_heartbeat_SOURCES = plugins/heartbeat/test_heartbeat.c plugins/heartbeat/heartbeat.c \
	plugins/heartbeat/report.c $(MOCK_HOST)
plugins_heartbeat_test_heartbeat_CPPFLAGS = $(PLUGIN_TEST_CPPFLAGS)
plugins_heartbeat_test_heartbeat_LDADD = $(CMOCKA_LIBS)
plugins_heartbeat_test_report_SOURCES = plugins/heartbeat/test_report.c plugins/heartbeat/report.c
plugins_heartbeat_test_report_CPPFLAGS = $(PLUGIN_TEST_CPPFLAGS)
plugins_heartbeat_test_report_LDADD = $(CMOCKA_LIBS)
