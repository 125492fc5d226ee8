# The vnc process; cmd_vnc_server.c is compiled in, so that the process is started as the
# program starts it.
pkg_check_modules(cmocka REQUIRED IMPORTED_TARGET cmocka)
set(vnc_tests ${CMAKE_CURRENT_LIST_DIR})

foreach(name test_vnc test_vnc_input test_vnc_hostile test_vnc_parts test_vnc_pass test_vnc_private test_vnc_scroll)
	add_executable(${name} ${vnc_tests}/${name}.c ${vnc_tests}/vnc_host.c
		${vnc_tests}/vnc_viewers.c ${CMAKE_CURRENT_LIST_DIR}/../cua/cmd_vnc_server.c)
	target_link_libraries(${name} PRIVATE cua_vnc PkgConfig::libvncclient PkgConfig::cmocka)
	add_test(NAME ${name} COMMAND ${name})
	set_tests_properties(${name} PROPERTIES TIMEOUT 180)
endforeach()
