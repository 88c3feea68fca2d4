"""`streamer evaluate` 的帮助，简体中文。"""

from __future__ import annotations

from typing import Final

EVALUATE: Final = {
    "evaluate": """评估分群的质量。

示例：  streamer evaluate segments --scenario stationary
""",
    "evaluate segments": """评估行为分群，并用同样的事件与其他聚类算法比较。

模拟店铺的真实类型已知，因此一致性、误变动、反复变动和发现真实变化的快慢都是精确值。对文件则用某天的分群预测其后 90 天。

示例：  streamer evaluate segments --scenario stationary --seeds 7
""",
    "evaluate clusterers": """让模型管理进程依次使用各聚类算法，评估服务会发布的分群。

示例：  streamer evaluate clusterers --scenario stationary --seeds 8
""",
    "evaluate predictions": """用过去预测谁会在 90 天内再次购买，并与实际比较。

过去取自文件，或取自模拟店铺；模拟店铺中还单独评估有固定购买节奏的客户。

示例：  streamer evaluate predictions --data online_retail.csv.gz --as-of 2011-09-10
""",
    "evaluate case": """在一个文件上走完电商案例：聚类、预测高价值客户的随机森林，以及一次活动能证明什么。

约需一分钟，需要 scikit-learn（附加包 `evaluate`）。

示例：  streamer evaluate case --data online_retail.csv.gz --html case.html
""",
}
