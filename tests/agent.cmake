# Tests of agent/: no display, no network beyond loopback.
if(NOT TARGET PkgConfig::cmocka)
	pkg_check_modules(cmocka REQUIRED IMPORTED_TARGET cmocka)
endif()
foreach(name sse retry responses)
	add_executable(test_agent_${name} ${CMAKE_CURRENT_LIST_DIR}/test_agent_${name}.c)
	target_link_libraries(test_agent_${name} PRIVATE cua_agent PkgConfig::cmocka)
	add_test(NAME agent_${name} COMMAND test_agent_${name})
endforeach()
