#define WBS_ROWS kAvx2Rows
#define WBS_ADD add_avx2
#include "kernels/elementwise_rows.inl"
