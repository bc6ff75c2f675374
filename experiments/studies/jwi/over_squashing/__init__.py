"""Walk index and over-squashing: what predicts how strongly vertices interact?"""
