# The client of the Model Context Protocol against published servers and the official conformance
# suite. npm installs them into the build folder, once.
set(mcp_run_sources agent_mcp_stage.c agent_stage.c test_agent_fake.c)
foreach(name conformance published)
	add_executable(mcp_${name} ${mcp_dir}/mcp_${name}.c)
	target_link_libraries(mcp_${name} PRIVATE cua_mcp)
	add_test(NAME mcp_${name} COMMAND ${mcp_dir}/${name}.sh $<TARGET_FILE:mcp_${name}> ${CMAKE_BINARY_DIR}/mcp_npm)
	set_tests_properties(mcp_${name} PROPERTIES LABELS unit TIMEOUT 600)
endforeach()
target_link_libraries(mcp_published PRIVATE PkgConfig::cmocka)
# The same servers in runs.
list(TRANSFORM mcp_run_sources PREPEND ${CMAKE_CURRENT_LIST_DIR}/)
add_executable(mcp_published_run ${mcp_dir}/mcp_published_run.c ${mcp_run_sources})
target_link_libraries(mcp_published_run PRIVATE cua_agent PkgConfig::cmocka Threads::Threads)
add_dependencies(mcp_published mcp_published_run)
# The server half: the SDK's clients and the inspector on desktops of their own, and the conformance
# suite on the core.
foreach(topic sdk http inspector)
	add_test(NAME mcp_serve_${topic} COMMAND ${mcp_dir}/serve.sh ${topic} $<TARGET_FILE:cua>
		${CMAKE_BINARY_DIR}/mcp_npm)
	set_tests_properties(mcp_serve_${topic} PROPERTIES LABELS desktop TIMEOUT 600)
endforeach()
add_executable(mcp_conformance_server ${mcp_dir}/mcp_conformance_server.c ${mcp_dir}/mcp_conformance_fixtures.c
	${CMAKE_SOURCE_DIR}/cua/server/gate.c)
target_link_libraries(mcp_conformance_server PRIVATE cua_mcp_serve)
add_test(NAME mcp_serve_conformance COMMAND ${mcp_dir}/serve_conformance.sh
	$<TARGET_FILE:mcp_conformance_server> ${CMAKE_BINARY_DIR}/mcp_npm)
set_tests_properties(mcp_serve_conformance PROPERTIES LABELS unit TIMEOUT 600)
