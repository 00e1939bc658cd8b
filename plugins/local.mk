# Plugins see the SDK header and nothing else of the house. Each exports one symbol; a module has no undefined symbols of the host,
# since the host's services come as a table.
PLUGIN_CFLAGS = -std=gnu17 $(WARN_CFLAGS) $(HARDEN_CFLAGS)
PLUGIN_LDFLAGS = $(HARDEN_LDFLAGS) $(DEFS_LDFLAGS) -module -avoid-version -shared -no-undefined -export-symbols-regex '_LTX_belfry_plugin$$'

include plugins/smtp/local.mk
include plugins/webhook/local.mk
include plugins/heartbeat/local.mk

# libtool's .la files are of no use to anyone who loads a plugin, and the host does not read them.
install-data-hook:
	cd $(DESTDIR)$(pkgplugindir) && rm -f *.la
