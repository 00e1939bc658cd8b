libbelfry_a_SOURCES += \
	core/agent/agent.h core/agent/systemd.h core/agent/wiring.h \
	core/agent/agent.c \
	core/agent/generation.c \
	core/agent/ingest.c \
	core/agent/reload.c \
	core/agent/status.c \
	core/agent/systemd.c
