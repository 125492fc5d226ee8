# The client of the Model Context Protocol, against servers that misbehave.
set(mcp_dir ${CMAKE_CURRENT_LIST_DIR}/mcp)
add_executable(mcp_bad_server ${mcp_dir}/mcp_bad_server.c)
if(CUA_SANITIZE)
	# Shadow memory is larger than what a server may have.
	target_include_directories(mcp_bad_server PRIVATE ${CMAKE_SOURCE_DIR})
	target_compile_definitions(mcp_bad_server PRIVATE _GNU_SOURCE)
	target_link_libraries(mcp_bad_server PRIVATE PkgConfig::libcjson)
else()
	target_link_libraries(mcp_bad_server PRIVATE cua_options)
endif()
foreach(name config folders client server limits http command)
	add_executable(test_mcp_${name} ${CMAKE_CURRENT_LIST_DIR}/test_mcp_${name}.c)
	target_link_libraries(test_mcp_${name} PRIVATE cua_mcp PkgConfig::cmocka)
	target_compile_definitions(test_mcp_${name} PRIVATE
		CUA_TEST_BAD_SERVER="$<TARGET_FILE:mcp_bad_server>" CUA_TEST_PROGRAM="$<TARGET_FILE:cua>")
	add_dependencies(test_mcp_${name} mcp_bad_server cua)
	add_test(NAME mcp_${name} COMMAND test_mcp_${name})
	set_tests_properties(mcp_${name} PROPERTIES TIMEOUT 180)
endforeach()
target_sources(test_mcp_http PRIVATE ${CMAKE_CURRENT_LIST_DIR}/test_agent_fake.c)
if(CUA_SANITIZE) # nor may the relay of a server have it
	target_compile_definitions(test_mcp_command PRIVATE CUA_TEST_SANITIZED)
endif()
foreach(name folders server limits)
	target_sources(test_mcp_${name} PRIVATE ${CMAKE_CURRENT_LIST_DIR}/mcp_play.c ${CMAKE_CURRENT_LIST_DIR}/processes.c
		${CMAKE_CURRENT_LIST_DIR}/files.c ${CMAKE_CURRENT_LIST_DIR}/waiting.c)
endforeach()

# The server half: its core without a transport.
foreach(name serve calls asking news resources)
	cua_unit_test(mcp_${name} cua_mcp_serve)
	target_sources(test_mcp_${name} PRIVATE ${CMAKE_CURRENT_LIST_DIR}/json_path.c ${CMAKE_CURRENT_LIST_DIR}/mcp_say.c
		${CMAKE_CURRENT_LIST_DIR}/mcp_core.c)
endforeach()
