libbelfry_a_SOURCES += \
	core/http/api.c core/http/api.h \
	core/http/api_alerts.c \
	core/http/api_events.c \
	core/http/api_jobs.c \
	core/http/api_notifications.c \
	core/http/health.c \
	core/http/hooks.c \
	core/http/metrics.c \
	core/http/ping.c
