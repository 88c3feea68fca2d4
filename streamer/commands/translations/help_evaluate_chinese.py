"""`streamer evaluate` 的帮助，简体中文。"""

from __future__ import annotations

from typing import Final

EVALUATE: Final = {
    "evaluate": """评估分群的质量。

示例：  streamer evaluate segments --scenario stationary
""",
    "evaluate segments": """评估行为分群，并用同样的事件与其他聚类算法比较。

模拟店铺的客户类型已知，因此一致性、误变动、反复变动和真实变化的发现速度都能精确计算。对于文件，则用某天的分群预测其后 90 天。

示例：  streamer evaluate segments --scenario stationary --seeds 7
""",
    "evaluate clusterers": """让模型管理进程依次使用各种聚类算法，评估最终发布的分群。

示例：  streamer evaluate clusterers --scenario stationary --seeds 8
""",
    "evaluate predictions": """用历史数据预测谁会在 90 天内再次购买，并与实际结果比较。

历史数据来自文件或模拟店铺；对模拟店铺，还会单独评估有固定购买节奏的客户。

示例：  streamer evaluate predictions --data online_retail.csv.gz --as-of 2011-09-10
""",
    "evaluate case": """用一个文件完成电商案例：聚类、用随机森林预测高价值客户，并分析一次活动能证明什么。

约需一分钟，依赖 scikit-learn（可选依赖 `evaluate`）。

示例：  streamer evaluate case --data online_retail.csv.gz --html case.html
""",
}
