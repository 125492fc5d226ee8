# Pictures of strangers: what decodes them, and the process that does it for others.
add_executable(test_picture_check test_picture_check.c)
target_link_libraries(test_picture_check PRIVATE cua_picture_decode cua_picture_check PkgConfig::libpng PkgConfig::zlib
	PkgConfig::libturbojpeg PkgConfig::libwebp PkgConfig::cmocka)
add_dependencies(test_picture_check cua-picture-check)
add_test(NAME picture_check COMMAND test_picture_check)
set_tests_properties(picture_check PROPERTIES TIMEOUT 120)
