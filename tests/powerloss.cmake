# The disk after a power loss. A preloaded library cannot come before those of the sanitizers.
add_library(disk_recorder MODULE ${CMAKE_CURRENT_LIST_DIR}/disk_recorder.c)
target_link_libraries(disk_recorder PRIVATE cua_options)
target_compile_options(disk_recorder PRIVATE -U_FORTIFY_SOURCE)
add_executable(test_agent_powerloss ${CMAKE_CURRENT_LIST_DIR}/test_agent_powerloss.c)
target_link_libraries(test_agent_powerloss PRIVATE cua_agent PkgConfig::cmocka)
target_link_options(test_agent_powerloss PRIVATE -Wl,--wrap=fallocate)
target_compile_definitions(test_agent_powerloss PRIVATE
	CUA_TEST_DISK_RECORDER="$<TARGET_FILE:disk_recorder>")
add_dependencies(test_agent_powerloss disk_recorder)
add_test(NAME agent_powerloss COMMAND test_agent_powerloss)
set_tests_properties(agent_powerloss PROPERTIES TIMEOUT 300)
