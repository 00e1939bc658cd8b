# Plugins for the tests of the host. They are not installed; -rpath makes libtool build modules all the same.
TEST_PLUGIN_LDFLAGS = $(HARDEN_LDFLAGS) -module -avoid-version -shared -no-undefined -rpath /nowhere
TEST_PLUGIN_CPPFLAGS = -D_GNU_SOURCE $(SDK_CPPFLAGS)

check_LTLIBRARIES += tests/plugins/t_channel.la
tests_plugins_t_channel_la_SOURCES = tests/plugins/t_channel.c
tests_plugins_t_channel_la_CPPFLAGS = $(TEST_PLUGIN_CPPFLAGS)
tests_plugins_t_channel_la_CFLAGS = $(PLUGIN_CFLAGS)
tests_plugins_t_channel_la_LDFLAGS = $(TEST_PLUGIN_LDFLAGS)

check_LTLIBRARIES += tests/plugins/t_deliver.la
tests_plugins_t_deliver_la_SOURCES = tests/plugins/t_deliver.c
tests_plugins_t_deliver_la_CPPFLAGS = $(TEST_PLUGIN_CPPFLAGS)
tests_plugins_t_deliver_la_CFLAGS = $(PLUGIN_CFLAGS)
tests_plugins_t_deliver_la_LDFLAGS = $(TEST_PLUGIN_LDFLAGS)

check_LTLIBRARIES += tests/plugins/t_source.la
tests_plugins_t_source_la_SOURCES = tests/plugins/t_source.c
tests_plugins_t_source_la_CPPFLAGS = $(TEST_PLUGIN_CPPFLAGS)
tests_plugins_t_source_la_CFLAGS = $(PLUGIN_CFLAGS)
tests_plugins_t_source_la_LDFLAGS = $(TEST_PLUGIN_LDFLAGS)

check_LTLIBRARIES += tests/plugins/t_slow.la
tests_plugins_t_slow_la_SOURCES = tests/plugins/t_slow.c
tests_plugins_t_slow_la_CPPFLAGS = $(TEST_PLUGIN_CPPFLAGS)
tests_plugins_t_slow_la_CFLAGS = $(PLUGIN_CFLAGS)
tests_plugins_t_slow_la_LDFLAGS = $(TEST_PLUGIN_LDFLAGS)

check_LTLIBRARIES += tests/plugins/t_crash.la
tests_plugins_t_crash_la_SOURCES = tests/plugins/t_crash.c
tests_plugins_t_crash_la_CPPFLAGS = $(TEST_PLUGIN_CPPFLAGS)
tests_plugins_t_crash_la_CFLAGS = $(PLUGIN_CFLAGS)
tests_plugins_t_crash_la_LDFLAGS = $(TEST_PLUGIN_LDFLAGS)

# Those that must be refused, from one source.
check_LTLIBRARIES += tests/plugins/t_bad_major.la
tests_plugins_t_bad_major_la_SOURCES = tests/plugins/t_bad.c
tests_plugins_t_bad_major_la_CPPFLAGS = $(TEST_PLUGIN_CPPFLAGS) -DWRONG=1 -DSYMBOL=t_bad_major_LTX_belfry_plugin -DFILE_NAME='"t_bad_major"'
tests_plugins_t_bad_major_la_CFLAGS = $(PLUGIN_CFLAGS)
tests_plugins_t_bad_major_la_LDFLAGS = $(TEST_PLUGIN_LDFLAGS)

check_LTLIBRARIES += tests/plugins/t_bad_minor.la
tests_plugins_t_bad_minor_la_SOURCES = tests/plugins/t_bad.c
tests_plugins_t_bad_minor_la_CPPFLAGS = $(TEST_PLUGIN_CPPFLAGS) -DWRONG=2 -DSYMBOL=t_bad_minor_LTX_belfry_plugin -DFILE_NAME='"t_bad_minor"'
tests_plugins_t_bad_minor_la_CFLAGS = $(PLUGIN_CFLAGS)
tests_plugins_t_bad_minor_la_LDFLAGS = $(TEST_PLUGIN_LDFLAGS)

check_LTLIBRARIES += tests/plugins/t_bad_descriptor.la
tests_plugins_t_bad_descriptor_la_SOURCES = tests/plugins/t_bad.c
tests_plugins_t_bad_descriptor_la_CPPFLAGS = $(TEST_PLUGIN_CPPFLAGS) -DWRONG=3 -DSYMBOL=t_bad_descriptor_LTX_belfry_plugin -DFILE_NAME='"t_bad_descriptor"'
tests_plugins_t_bad_descriptor_la_CFLAGS = $(PLUGIN_CFLAGS)
tests_plugins_t_bad_descriptor_la_LDFLAGS = $(TEST_PLUGIN_LDFLAGS)

check_LTLIBRARIES += tests/plugins/t_bad_kind.la
tests_plugins_t_bad_kind_la_SOURCES = tests/plugins/t_bad.c
tests_plugins_t_bad_kind_la_CPPFLAGS = $(TEST_PLUGIN_CPPFLAGS) -DWRONG=4 -DSYMBOL=t_bad_kind_LTX_belfry_plugin -DFILE_NAME='"t_bad_kind"'
tests_plugins_t_bad_kind_la_CFLAGS = $(PLUGIN_CFLAGS)
tests_plugins_t_bad_kind_la_LDFLAGS = $(TEST_PLUGIN_LDFLAGS)

check_LTLIBRARIES += tests/plugins/t_bad_functions.la
tests_plugins_t_bad_functions_la_SOURCES = tests/plugins/t_bad.c
tests_plugins_t_bad_functions_la_CPPFLAGS = $(TEST_PLUGIN_CPPFLAGS) -DWRONG=5 -DSYMBOL=t_bad_functions_LTX_belfry_plugin -DFILE_NAME='"t_bad_functions"'
tests_plugins_t_bad_functions_la_CFLAGS = $(PLUGIN_CFLAGS)
tests_plugins_t_bad_functions_la_LDFLAGS = $(TEST_PLUGIN_LDFLAGS)

check_LTLIBRARIES += tests/plugins/t_bad_name.la
tests_plugins_t_bad_name_la_SOURCES = tests/plugins/t_bad.c
tests_plugins_t_bad_name_la_CPPFLAGS = $(TEST_PLUGIN_CPPFLAGS) -DWRONG=6 -DSYMBOL=t_bad_name_LTX_belfry_plugin -DFILE_NAME='"t_bad_name"'
tests_plugins_t_bad_name_la_CFLAGS = $(PLUGIN_CFLAGS)
tests_plugins_t_bad_name_la_LDFLAGS = $(TEST_PLUGIN_LDFLAGS)

check_LTLIBRARIES += tests/plugins/t_bad_type.la
tests_plugins_t_bad_type_la_SOURCES = tests/plugins/t_bad.c
tests_plugins_t_bad_type_la_CPPFLAGS = $(TEST_PLUGIN_CPPFLAGS) -DWRONG=7 -DSYMBOL=t_bad_type_LTX_belfry_plugin -DFILE_NAME='"t_bad_type"'
tests_plugins_t_bad_type_la_CFLAGS = $(PLUGIN_CFLAGS)
tests_plugins_t_bad_type_la_LDFLAGS = $(TEST_PLUGIN_LDFLAGS)

check_LTLIBRARIES += tests/plugins/t_bad_twice.la
tests_plugins_t_bad_twice_la_SOURCES = tests/plugins/t_bad.c
tests_plugins_t_bad_twice_la_CPPFLAGS = $(TEST_PLUGIN_CPPFLAGS) -DWRONG=8 -DSYMBOL=t_bad_twice_LTX_belfry_plugin -DFILE_NAME='"t_bad_twice"'
tests_plugins_t_bad_twice_la_CFLAGS = $(PLUGIN_CFLAGS)
tests_plugins_t_bad_twice_la_LDFLAGS = $(TEST_PLUGIN_LDFLAGS)

check_LTLIBRARIES += tests/plugins/t_bad_offset.la
tests_plugins_t_bad_offset_la_SOURCES = tests/plugins/t_bad.c
tests_plugins_t_bad_offset_la_CPPFLAGS = $(TEST_PLUGIN_CPPFLAGS) -DWRONG=9 -DSYMBOL=t_bad_offset_LTX_belfry_plugin -DFILE_NAME='"t_bad_offset"'
tests_plugins_t_bad_offset_la_CFLAGS = $(PLUGIN_CFLAGS)
tests_plugins_t_bad_offset_la_LDFLAGS = $(TEST_PLUGIN_LDFLAGS)

check_LTLIBRARIES += tests/plugins/t_bad_initial.la
tests_plugins_t_bad_initial_la_SOURCES = tests/plugins/t_bad.c
tests_plugins_t_bad_initial_la_CPPFLAGS = $(TEST_PLUGIN_CPPFLAGS) -DWRONG=10 -DSYMBOL=t_bad_initial_LTX_belfry_plugin -DFILE_NAME='"t_bad_initial"'
tests_plugins_t_bad_initial_la_CFLAGS = $(PLUGIN_CFLAGS)
tests_plugins_t_bad_initial_la_LDFLAGS = $(TEST_PLUGIN_LDFLAGS)

check_LTLIBRARIES += tests/plugins/t_bad_open.la
tests_plugins_t_bad_open_la_SOURCES = tests/plugins/t_bad.c
tests_plugins_t_bad_open_la_CPPFLAGS = $(TEST_PLUGIN_CPPFLAGS) -DWRONG=11 -DSYMBOL=t_bad_open_LTX_belfry_plugin -DFILE_NAME='"t_bad_open"'
tests_plugins_t_bad_open_la_CFLAGS = $(PLUGIN_CFLAGS)
tests_plugins_t_bad_open_la_LDFLAGS = $(TEST_PLUGIN_LDFLAGS)

check_LTLIBRARIES += tests/plugins/t_bad_no_open.la
tests_plugins_t_bad_no_open_la_SOURCES = tests/plugins/t_bad.c
tests_plugins_t_bad_no_open_la_CPPFLAGS = $(TEST_PLUGIN_CPPFLAGS) -DWRONG=12 -DSYMBOL=t_bad_no_open_LTX_belfry_plugin -DFILE_NAME='"t_bad_no_open"'
tests_plugins_t_bad_no_open_la_CFLAGS = $(PLUGIN_CFLAGS)
tests_plugins_t_bad_no_open_la_LDFLAGS = $(TEST_PLUGIN_LDFLAGS)

check_LTLIBRARIES += tests/plugins/t_bad_size.la
tests_plugins_t_bad_size_la_SOURCES = tests/plugins/t_bad.c
tests_plugins_t_bad_size_la_CPPFLAGS = $(TEST_PLUGIN_CPPFLAGS) -DWRONG=13 -DSYMBOL=t_bad_size_LTX_belfry_plugin -DFILE_NAME='"t_bad_size"'
tests_plugins_t_bad_size_la_CFLAGS = $(PLUGIN_CFLAGS)
tests_plugins_t_bad_size_la_LDFLAGS = $(TEST_PLUGIN_LDFLAGS)

check_LTLIBRARIES += tests/plugins/t_bad_undefined.la
tests_plugins_t_bad_undefined_la_SOURCES = tests/plugins/t_bad.c
tests_plugins_t_bad_undefined_la_CPPFLAGS = $(TEST_PLUGIN_CPPFLAGS) -DWRONG=14 -DSYMBOL=t_bad_undefined_LTX_belfry_plugin -DFILE_NAME='"t_bad_undefined"'
tests_plugins_t_bad_undefined_la_CFLAGS = $(PLUGIN_CFLAGS)
tests_plugins_t_bad_undefined_la_LDFLAGS = -module -avoid-version -shared -rpath /nowhere
