libbelfry_a_SOURCES += \
	core/store/batch.c core/store/batch.h \
	core/store/database.c core/store/database.h \
	core/store/home.c core/store/home.h \
	core/store/image.c core/store/image.h \
	core/store/reader.c core/store/reader.h \
	core/store/row.c \
	core/store/salvage.c core/store/salvage.h \
	core/store/store.c core/store/store.h \
	core/store/transaction.c \
	core/store/writer.c core/store/writer.h
