#define WBS_ROWS kAvx2Rows
#define WBS_ADD kAvx2Add
#include "kernels/elementwise_rows.inl"
