libbelfry_a_SOURCES += \
	core/http/api.c core/http/api.h \
	core/http/api_alerts.c \
	core/http/api_events.c \
	core/http/api_jobs.c \
	core/http/api_notifications.c \
	core/http/health.c \
	core/http/hooks.c \
	core/http/metrics.c \
	core/http/ping.c \
	core/http/auth.c \
	core/http/connection.c \
	core/http/exchange.c \
	core/http/gate.c core/http/gate.h \
	core/http/gate_head.c core/http/gate_head.h \
	core/http/http.h core/http/internal.h core/http/server.h \
	core/http/listener.c \
	core/http/route.c \
	core/http/server.c \
	core/http/tls.c
