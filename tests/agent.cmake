# Tests of agent/: no display, no network beyond loopback.
if(NOT TARGET PkgConfig::cmocka)
	pkg_check_modules(cmocka REQUIRED IMPORTED_TARGET cmocka)
endif()
foreach(name
	sse
	retry
	responses
	responses_requests
	anthropic
	anthropic_stream
	anthropic_talk
	anthropic_faults
	chat
	chat_requests
	profiles
	gemini
	gemini_requests
	journal
	chain
	model
	adversary
	failures
	catalogue
	models
	tls
	run
	run_faults
	run_print
	run_anthropic
	resume
	policy
	script
	limits
	mcp
	view)
	add_executable(test_agent_${name} ${CMAKE_CURRENT_LIST_DIR}/test_agent_${name}.c)
	target_link_libraries(test_agent_${name} PRIVATE cua_agent PkgConfig::cmocka)
	add_test(NAME agent_${name} COMMAND test_agent_${name})
endforeach()
# What takes minutes there took time without end.
set_tests_properties(agent_adversary PROPERTIES TIMEOUT 120)
foreach(name model adversary failures models run run_faults run_print run_anthropic resume policy script mcp
	anthropic_talk anthropic_faults limits)
	target_sources(test_agent_${name} PRIVATE ${CMAKE_CURRENT_LIST_DIR}/test_agent_fake.c)
	target_link_libraries(test_agent_${name} PRIVATE Threads::Threads)
endforeach()
foreach(name anthropic_talk anthropic_faults)
	target_sources(test_agent_${name} PRIVATE ${CMAKE_CURRENT_LIST_DIR}/anthropic_talk.c)
endforeach()
foreach(name gemini gemini_requests)
	target_sources(test_agent_${name} PRIVATE ${CMAKE_CURRENT_LIST_DIR}/gemini_talk.c)
endforeach()
foreach(name failures run run_faults run_print run_anthropic resume policy script mcp limits)
	target_sources(test_agent_${name} PRIVATE ${CMAKE_CURRENT_LIST_DIR}/agent_stage.c)
endforeach()
foreach(name chat_requests responses_requests anthropic_stream responses anthropic chat profiles gemini gemini_requests)
	target_sources(test_agent_${name} PRIVATE ${CMAKE_CURRENT_LIST_DIR}/agent_reply.c)
endforeach()
pkg_check_modules(openssl REQUIRED IMPORTED_TARGET openssl)
add_library(tls_server STATIC ${CMAKE_CURRENT_LIST_DIR}/tls_server.c ${CMAKE_CURRENT_LIST_DIR}/certificate.c)
target_link_libraries(tls_server PUBLIC cua_options PkgConfig::cmocka PkgConfig::openssl Threads::Threads)
target_link_libraries(test_agent_tls PRIVATE tls_server)
target_compile_definitions(test_agent_models PRIVATE CUA_TEST_PROGRAM="$<TARGET_FILE:cua>")
add_dependencies(test_agent_models cua)
target_sources(test_agent_mcp PRIVATE ${CMAKE_CURRENT_LIST_DIR}/agent_mcp_stage.c)
target_compile_definitions(test_agent_mcp PRIVATE CUA_TEST_BAD_SERVER="$<TARGET_FILE:mcp_bad_server>")
add_dependencies(test_agent_mcp mcp_bad_server cua-picture-check)
