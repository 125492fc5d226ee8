# Real desktops, started through the program as a person starts them: Xvfb, openbox, bubblewrap,
# xterm, LibreOffice, Chromium. Each program of tests has directories of its own.
set(desktop_tests_dir ${CMAKE_CURRENT_LIST_DIR})

# What runs inside: one writes down what reaches a window, one asks the X server.
add_executable(x_recorder ${desktop_tests_dir}/x_recorder.c)
target_link_libraries(x_recorder PRIVATE cua_options PkgConfig::x11 PkgConfig::xkbcommon)
add_executable(x_probe ${desktop_tests_dir}/x_probe.c)
target_link_libraries(x_probe PRIVATE cua_options PkgConfig::x11 PkgConfig::xcb)

add_executable(x_hostile ${desktop_tests_dir}/x_hostile.c)
target_link_libraries(x_hostile PRIVATE cua_options PkgConfig::x11)

pkg_check_modules(xrender REQUIRED IMPORTED_TARGET xrender)

# An application with an accessible tree that never ends.
add_executable(a11y_hostile ${desktop_tests_dir}/a11y_hostile.c)
target_link_libraries(a11y_hostile PRIVATE cua_options PkgConfig::x11 PkgConfig::gio_unix_2_0)

set(desktop_fixture_sources desktop_fixture.c desktop_api.c desktop_processes.c desktop_recorder.c
	world.c leftovers.c processes.c load.c files.c json_path.c waiting.c)
list(TRANSFORM desktop_fixture_sources PREPEND ${desktop_tests_dir}/)
add_library(desktop_fixture STATIC ${desktop_fixture_sources})
target_link_libraries(desktop_fixture PUBLIC cua_base PkgConfig::cmocka)
target_compile_definitions(desktop_fixture PUBLIC CUA_TEST_PROGRAM="$<TARGET_FILE:cua>"
	CUA_TEST_RECORDER="$<TARGET_FILE:x_recorder>" CUA_TEST_PROBE="$<TARGET_FILE:x_probe>"
	CUA_TEST_HOSTILE="$<TARGET_FILE:x_hostile>")
add_dependencies(desktop_fixture cua x_recorder x_probe x_hostile)

# Beside each other: most of their time goes by waiting, and no time decides them.
function(cua_desktop_test topic timeout_s)
	add_executable(test_desktop_${topic} ${desktop_tests_dir}/test_desktop_${topic}.c)
	target_link_libraries(test_desktop_${topic} PRIVATE desktop_fixture ${ARGN})
	add_test(NAME desktop_${topic} COMMAND test_desktop_${topic})
	set_tests_properties(desktop_${topic} PROPERTIES TIMEOUT ${timeout_s} LABELS desktop)
endfunction()

cua_desktop_test(input 120)
cua_desktop_test(refusals 120)
cua_desktop_test(lifecycle 180)
cua_desktop_test(sandbox 180)
cua_desktop_test(faults 180)
cua_desktop_test(screenshot 120 PkgConfig::libpng)
cua_desktop_test(damage 180 PkgConfig::libpng PkgConfig::x11 PkgConfig::xext PkgConfig::xrender)
target_sources(test_desktop_damage PRIVATE ${desktop_tests_dir}/x_scribble.c)
cua_desktop_test(changes 120 cua_display)
cua_desktop_test(typing 360)
cua_desktop_test(corpus 600)
target_sources(test_desktop_corpus PRIVATE ${desktop_tests_dir}/typing_corpus.c)
cua_desktop_test(clipboard 120)
cua_desktop_test(formats 120)
cua_desktop_test(apps 180)
cua_desktop_test(drag 360 m)
cua_desktop_test(follow 3600)
cua_desktop_test(settle 3600)
# Two of its pictures may be wrong, and on a busy machine more of them are.
set_tests_properties(desktop_settle PROPERTIES RUN_SERIAL ON)
cua_desktop_test(windows 120)
cua_desktop_test(hostile 480)
cua_desktop_test(size 120)
cua_desktop_test(tools 180)
cua_desktop_test(viewers 120 PkgConfig::libvncclient)
target_sources(test_desktop_viewers PRIVATE ${desktop_tests_dir}/vnc_viewers.c)
cua_desktop_test(pool 180)
cua_desktop_test(reader 240 PkgConfig::libsodium)
target_compile_definitions(test_desktop_reader PRIVATE CUA_TEST_A11Y_HOSTILE="$<TARGET_FILE:a11y_hostile>")
add_dependencies(test_desktop_reader a11y_hostile)

add_test(NAME bench COMMAND ${desktop_tests_dir}/bench/runs.sh $<TARGET_FILE:cua>)
set_tests_properties(bench PROPERTIES TIMEOUT 240 RUN_SERIAL ON LABELS desktop)
cua_desktop_test(frames 180 PkgConfig::libpng)

# A host that sends itself a signal when told to.
get_target_property(signalled_host_sources cua-host SOURCES)
get_target_property(signalled_host_libraries cua-host LINK_LIBRARIES)
get_target_property(signalled_host_definitions cua-host COMPILE_DEFINITIONS)
list(TRANSFORM signalled_host_sources PREPEND ${CMAKE_SOURCE_DIR}/cua/)
add_executable(signalled_host ${signalled_host_sources} ${desktop_tests_dir}/signal_at_input.c)
target_compile_definitions(signalled_host PRIVATE ${signalled_host_definitions})
target_link_libraries(signalled_host PRIVATE ${signalled_host_libraries} ${CMAKE_DL_LIBS})
cua_desktop_test(held 240 Threads::Threads)
target_sources(test_desktop_held PRIVATE ${desktop_tests_dir}/test_agent_fake.c)
target_compile_definitions(test_desktop_held PRIVATE CUA_TEST_SIGNALLED_HOST="$<TARGET_FILE:signalled_host>")
add_dependencies(test_desktop_held signalled_host)
cua_desktop_test(resume 3600 Threads::Threads)
target_sources(test_desktop_resume PRIVATE ${desktop_tests_dir}/test_agent_fake.c
	${desktop_tests_dir}/click_model.c)
pkg_check_modules(libwebpdemux REQUIRED IMPORTED_TARGET libwebpdemux)
cua_desktop_test(runs 240 Threads::Threads PkgConfig::libwebpdemux)
target_sources(test_desktop_runs PRIVATE ${desktop_tests_dir}/test_agent_fake.c)
add_library(standin_process STATIC ${desktop_tests_dir}/standin_process.c)
target_link_libraries(standin_process PUBLIC cua_base PkgConfig::cmocka)
target_compile_definitions(standin_process PRIVATE CUA_TEST_STANDIN="$<TARGET_FILE:cua-standin>")
add_dependencies(standin_process cua-standin)
cua_desktop_test(standin 600 standin_process)
cua_desktop_test(policy 240 standin_process)
cua_desktop_test(toolrun 180 standin_process)
cua_desktop_test(mcprun 180 standin_process)
foreach(name toolrun mcprun)
	target_sources(test_desktop_${name} PRIVATE ${desktop_tests_dir}/tool_script.c)
endforeach()
target_compile_definitions(test_desktop_mcprun PRIVATE CUA_TEST_BAD_SERVER="$<TARGET_FILE:mcp_bad_server>")
add_dependencies(test_desktop_mcprun mcp_bad_server)
cua_desktop_test(model_errors 240 standin_process tls_server)
