libbelfry_a_SOURCES += \
	core/plugin/blame.c core/plugin/carrier.c core/plugin/channel.c core/plugin/child.c core/plugin/descriptor.c \
	core/plugin/exchange.h core/plugin/handle.c core/plugin/handle.h core/plugin/hooks.c core/plugin/host.c \
	core/plugin/instance.c core/plugin/instance.h core/plugin/judge.c core/plugin/loader.c core/plugin/loader.h \
	core/plugin/mail.c core/plugin/notification.c core/plugin/plugin.h core/plugin/render.c core/plugin/reply.c \
	core/plugin/request.c core/plugin/setup.c core/plugin/smtp.c core/plugin/transfer.c
