# Fuzz targets. Everywhere: the seed corpus, replayed as a test. With CUA_FUZZ=ON and clang also
# libFuzzer itself, for a few seconds each, always from the same seed:
#   cmake -S . -B build-fuzz -DCMAKE_C_COMPILER=clang-14 -DCUA_FUZZ=ON
#       -DCUA_SANITIZE=fuzzer-no-link,address,undefined
#   cmake --build build-fuzz --target fuzz && ctest --test-dir build-fuzz -R ^fuzz_
# To look for longer, run build-fuzz/bin/fuzz_NAME by hand with a directory for what it finds.
option(CUA_FUZZ "Build and run the libFuzzer targets (clang, with CUA_SANITIZE)" OFF)
set(fuzz_dir ${CMAKE_CURRENT_LIST_DIR}/fuzz)
if(CUA_FUZZ AND NOT (CMAKE_C_COMPILER_ID STREQUAL "Clang" AND CUA_SANITIZE MATCHES "fuzzer-no-link"))
	message(FATAL_ERROR "CUA_FUZZ needs clang and CUA_SANITIZE=fuzzer-no-link,address,undefined")
endif()

add_custom_target(fuzz)
function(cua_fuzz name)
	set(sources ${fuzz_dir}/fuzz_${name}.c)
	if(name STREQUAL "request")
		list(APPEND sources ${fuzz_dir}/../../cua/api/desktop_request.c
			${fuzz_dir}/../../cua/api/desktop_secrets.c)
	endif()
	if(name STREQUAL "elements")
		list(APPEND sources ${fuzz_dir}/../../display/element_list.c)
	endif()
	if(name MATCHES "^(responses|chat|anthropic|gemini)$") # each of the model APIs
		set(sources ${fuzz_dir}/fuzz_answer.c)
		set(definitions FUZZ_API=model_api_${name})
	endif()
	add_executable(replay_${name} ${sources} ${fuzz_dir}/replay.c)
	target_compile_definitions(replay_${name} PRIVATE ${definitions})
	target_link_libraries(replay_${name} PRIVATE ${ARGN})
	add_test(NAME fuzz_replay_${name} COMMAND replay_${name} ${fuzz_dir}/corpus_${name})
	set_tests_properties(fuzz_replay_${name} PROPERTIES TIMEOUT 60)
	add_dependencies(fuzz replay_${name})
	if(CUA_FUZZ)
		add_executable(fuzz_${name} ${sources})
		target_compile_definitions(fuzz_${name} PRIVATE ${definitions})
		target_link_libraries(fuzz_${name} PRIVATE ${ARGN})
		target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
		add_dependencies(fuzz fuzz_${name})
		# The first directory takes what is found, so that the corpus in the tree stays as it is.
		set(found ${CMAKE_CURRENT_BINARY_DIR}/found_${name})
		file(MAKE_DIRECTORY ${found})
		add_test(NAME fuzz_${name} COMMAND fuzz_${name} -max_total_time=5 -seed=1 -timeout=10
			-rss_limit_mb=2048 -max_len=4096 -artifact_prefix=${found}/crash-
			${found} ${fuzz_dir}/corpus_${name})
		set_tests_properties(fuzz_${name} PROPERTIES TIMEOUT 120)
	endif()
endfunction()

cua_fuzz(request cua_contract)
cua_fuzz(key cua_contract)
cua_fuzz(elements cua_contract m)
cua_fuzz(sse cua_agent)
cua_fuzz(responses cua_agent)
cua_fuzz(chat cua_agent)
cua_fuzz(anthropic cua_agent)
cua_fuzz(gemini cua_agent)
cua_fuzz(grammar cua_agent)
cua_fuzz(journal cua_agent)
cua_fuzz(yaml cua_base)
cua_fuzz(policy cua_policy)
cua_fuzz(origin cua_policy)
cua_fuzz(redact cua_secrets)
cua_fuzz(command cua_policy)
cua_fuzz(mcp cua_mcp)
cua_fuzz(serve cua_mcp_serve)
cua_fuzz(egress cua_egress)
cua_fuzz(frame cua_egress)
cua_fuzz(picture cua_picture_decode)
