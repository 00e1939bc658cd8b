libbelfry_a_SOURCES += \
	core/base/base.h \
	core/base/cloudevent.c core/base/cloudevent.h \
	core/base/error.c core/base/error.h \
	core/base/json.c core/base/json.h \
	core/base/log.c core/base/log.h \
	core/base/loop.c core/base/loop.h \
	core/base/mem.c core/base/mem.h \
	core/base/text.c core/base/text.h \
	core/base/time.c core/base/time.h
