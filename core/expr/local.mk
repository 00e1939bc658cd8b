libbelfry_a_SOURCES += \
	core/expr/escape.c core/expr/escape.h \
	core/expr/expr.h \
	core/expr/template.c
