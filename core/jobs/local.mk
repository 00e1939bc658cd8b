libbelfry_a_SOURCES += \
	core/jobs/jobs.h core/jobs/job.h \
	core/jobs/events.c \
	core/jobs/jobs.c \
	core/jobs/observe.c \
	core/jobs/record.c \
	core/jobs/report.c \
	core/jobs/slots.c
