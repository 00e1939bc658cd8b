libbelfry_a_SOURCES += \
	core/schedule/calendar.h \
	core/schedule/cron.c core/schedule/cron.h \
	core/schedule/next.c \
	core/schedule/schedule.c core/schedule/schedule.h \
	core/schedule/tzif.c core/schedule/tzif.h \
	core/schedule/zone.c core/schedule/zone.h
