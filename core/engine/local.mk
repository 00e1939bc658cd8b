libbelfry_a_SOURCES += \
	core/engine/engine.h core/engine/rules.h \
	core/engine/alerts.c \
	core/engine/engine.c \
	core/engine/facts.c \
	core/engine/short.c
