libbelfry_a_SOURCES += \
	core/config/agent.c \
	core/config/alerts.c \
	core/config/bind.c \
	core/config/build.h \
	core/config/channels.c \
	core/config/config.h \
	core/config/files.c \
	core/config/interpolate.c \
	core/config/jobs.c \
	core/config/load.c \
	core/config/names.c \
	core/config/names.h \
	core/config/problems.c \
	core/config/show.c \
	core/config/tree.h \
	core/config/yaml.c
