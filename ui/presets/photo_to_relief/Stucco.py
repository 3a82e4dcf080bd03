import bpy

relief = bpy.context.scene.relief
relief.strength_soft = 1.3
relief.strength_sharp = 0.8
relief.smoothing = 0.4
relief.bevel = 0.4
