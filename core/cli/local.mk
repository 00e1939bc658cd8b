# The command line is part of the binary only; its tests list the files that they test.
belfry_SOURCES += \
	core/cli/child.h core/cli/cli.h core/cli/client.h core/cli/files.h core/cli/options.h core/cli/report.h \
	core/cli/show.h core/cli/table.h core/cli/tail.h \
	core/cli/alerts.c \
	core/cli/check.c \
	core/cli/child.c \
	core/cli/cli.c \
	core/cli/client.c \
	core/cli/config.c \
	core/cli/exec.c \
	core/cli/files.c \
	core/cli/jobs.c \
	core/cli/notifications.c \
	core/cli/options.c \
	core/cli/ping.c \
	core/cli/plugin.c \
	core/cli/reload.c \
	core/cli/report.c \
	core/cli/run.c \
	core/cli/show.c \
	core/cli/status.c \
	core/cli/table.c \
	core/cli/tail.c \
	core/cli/version.c
