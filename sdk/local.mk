belfryincludedir = $(includedir)/belfry
belfryinclude_HEADERS = sdk/include/belfry/plugin.h
pkgconfigdir = $(libdir)/pkgconfig
pkgconfig_DATA = sdk/belfry.pc
SDK_CPPFLAGS = -I$(top_srcdir)/sdk/include
