libbelfry_a_SOURCES += \
	core/notify/notify.h core/notify/outbox.h \
	core/notify/delivery.c \
	core/notify/message.c \
	core/notify/notify.c \
	core/notify/render.c
