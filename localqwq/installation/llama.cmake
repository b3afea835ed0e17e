# Included by CMake when it begins with llama.cpp: -DCMAKE_PROJECT_llama.cpp_INCLUDE=<this file>.
# It leaves out what localqwq never uses, and stops before anything is compiled if a part is missing.

# llama-cpp-python forces llama.cpp's common library on; localqwq needs libllama and ggml only.
set(LLAMA_BUILD_COMMON OFF)

# The words after "localqwq: missing" are keys of localqwq/installation/remedies.py.
function(localqwq_missing part)
    message(FATAL_ERROR "localqwq: missing ${part}")
endfunction()

if(GGML_CUDA)
    find_package(CUDAToolkit QUIET)
    if(NOT CUDAToolkit_FOUND OR NOT CUDAToolkit_NVCC_EXECUTABLE)
        localqwq_missing(nvcc)
    endif()
    find_path(LOCALQWQ_CUBLAS_HEADER cublas_v2.h HINTS ${CUDAToolkit_INCLUDE_DIRS})
    if(NOT TARGET CUDA::cublas OR NOT LOCALQWQ_CUBLAS_HEADER)
        localqwq_missing("cublas ${CUDAToolkit_VERSION_MAJOR}-${CUDAToolkit_VERSION_MINOR}")
    endif()
    if(NOT TARGET CUDA::cudart)
        localqwq_missing("cudart ${CUDAToolkit_VERSION_MAJOR}-${CUDAToolkit_VERSION_MINOR}")
    endif()
    if(NOT GGML_CUDA_NO_VMM AND NOT TARGET CUDA::cuda_driver)
        localqwq_missing("libcuda ${CUDAToolkit_VERSION_MAJOR}-${CUDAToolkit_VERSION_MINOR}")
    endif()
endif()

if(GGML_VULKAN)
    find_package(Vulkan QUIET COMPONENTS glslc)
    if(NOT Vulkan_INCLUDE_DIR OR NOT Vulkan_LIBRARY)
        localqwq_missing(vulkan)
    endif()
    # ggml-vulkan uses this extension whatever it is compiled for.
    file(STRINGS "${Vulkan_INCLUDE_DIR}/vulkan/vulkan_core.h" LOCALQWQ_LAYER_SETTINGS
         REGEX "define VK_EXT_layer_settings ")
    if(NOT LOCALQWQ_LAYER_SETTINGS)
        localqwq_missing("vulkan-headers ${Vulkan_VERSION}")
    endif()
    if(NOT Vulkan_GLSLC_EXECUTABLE)
        localqwq_missing(glslc)
    endif()
    find_package(SPIRV-Headers CONFIG QUIET)
    if(NOT SPIRV-Headers_FOUND)
        localqwq_missing(spirv-headers)
    endif()
endif()

if(GGML_METAL AND NOT APPLE)
    localqwq_missing(macos)
endif()
