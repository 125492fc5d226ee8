# Tests of cua/server: its parts. desktop_serve has all of it at work.
foreach(name gate store fields tickets feed telemetry)
	add_executable(test_serve_${name} ${CMAKE_CURRENT_LIST_DIR}/test_serve_${name}.c)
	target_link_libraries(test_serve_${name} PRIVATE cua_server PkgConfig::cmocka)
	add_test(NAME serve_${name} COMMAND test_serve_${name})
	set_tests_properties(serve_${name} PROPERTIES TIMEOUT 120)
endforeach()
